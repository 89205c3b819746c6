"""Federated averaging of numpy weights in which a client adds its step to every weight, and says what
its node is told to say. The server prints a line of JSON: the losses, and the hash of the last weights."""

import hashlib
import json
import time

import numpy
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

class Strict(FedAvg):
    """Federated averaging that goes on with all of its updates or not at all."""

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        missing = sum(reply.has_error() for reply in replies) + max(0, 2 - len(replies))
        if missing:
            raise RuntimeError(f"round {server_round}: {missing} of 2 updates did not come")
        return super().aggregate_train(server_round, replies)


client = ClientApp()
server = ServerApp()


def answer(message: Message, *records: tuple) -> Message:
    return Message(content=RecordDict(dict(records)), reply_to=message)


@client.train()
def train(message: Message, context: Context) -> Message:
    step = numpy.float32(context.node_config["step"])
    weights = [part + step for part in message.content["arrays"].to_numpy_ndarrays()]
    records = [
        ("arrays", ArrayRecord(numpy_ndarrays=weights)),
        ("metrics", MetricRecord({"num-examples": 1, "accuracy": 0.5})),
    ]
    # Metrics are numbers in this Flower; words go beside them.
    if note := context.node_config.get("note"):
        records.append(("notes", ConfigRecord({"note": note})))
    return answer(message, *records)


@client.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    weights = message.content["arrays"].to_numpy_ndarrays()
    loss = float(numpy.mean(weights[0]))
    return answer(message, ("metrics", MetricRecord({"num-examples": 1, "loss": loss})))


@server.main()
def main(grid: Grid, context: Context) -> None:
    settings = context.run_config
    random = numpy.random.default_rng(7)
    weights = random.normal(0, 0.05, int(settings["elements"])).astype(numpy.float32)
    begun = time.monotonic()
    strategy = Strict(
        fraction_evaluate=1.0 if settings["evaluates"] else 0.0,
        min_train_nodes=2,
        min_evaluate_nodes=2,
        min_available_nodes=2,
    )
    result = strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord(numpy_ndarrays=[weights]),
        num_rounds=int(settings["rounds"]),
        timeout=float(settings["patience"]),
    )
    last = b"".join(part.tobytes() for part in result.arrays.to_numpy_ndarrays())
    told = {
        "losses": [metrics["loss"] for metrics in result.evaluate_metrics_clientapp.values()],
        "seconds": round(time.monotonic() - begun, 3),
        "sha256": hashlib.sha256(last).hexdigest(),
    }
    print(json.dumps(told), flush=True)
