"""A federation of numpy weights over Flower's gRPC wire (flwr 1.20).

flower.py server ADDRESS ELEMENTS ROUNDS          prints JSON: the losses, and the hash of the last weights
flower.py client ADDRESS STEP [NOTE]              adds STEP to every weight, and says NOTE in its metrics
"""

import hashlib
import json
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")
logging.getLogger("flwr").setLevel(logging.ERROR)

import flwr
import numpy
from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays


class Remembering(flwr.server.strategy.FedAvg):
    """Federated averaging that keeps what it made last."""

    last = None

    def aggregate_fit(self, server_round, results, failures):
        made = super().aggregate_fit(server_round, results, failures)
        if made[0] is not None:
            self.last = parameters_to_ndarrays(made[0])
        return made


class Adding(flwr.client.NumPyClient):
    """Learns nothing: adds the same to every weight."""

    def __init__(self, step, note):
        self.step, self.note = numpy.float32(step), note

    def fit(self, parameters, config):
        metrics = {"accuracy": 0.5, "note": self.note} if self.note else {"accuracy": 0.5}
        return [weights + self.step for weights in parameters], 1, metrics

    def evaluate(self, parameters, config):
        return float(numpy.mean(parameters[0])), 1, {}


def serve(address, elements, rounds):
    weights = numpy.random.default_rng(7).normal(0, 0.05, elements).astype(numpy.float32)
    strategy = Remembering(
        min_fit_clients=2,
        min_evaluate_clients=2,
        min_available_clients=2,
        initial_parameters=ndarrays_to_parameters([weights]),
    )
    config = flwr.server.ServerConfig(num_rounds=rounds, round_timeout=600)
    begun = time.monotonic()
    history = flwr.server.start_server(server_address=address, config=config, strategy=strategy)
    print(
        json.dumps(
            {
                "losses": history.losses_distributed,
                "seconds": round(time.monotonic() - begun, 3),
                "sha256": strategy.last
                and hashlib.sha256(b"".join(part.tobytes() for part in strategy.last)).hexdigest(),
            }
        )
    )


def join(address, step, note):
    try:
        client = Adding(step, note).to_client()
        flwr.client.start_client(server_address=address, client=client, insecure=True)
    except Exception as error:
        code, details = getattr(error, "code", None), getattr(error, "details", None)
        print(json.dumps({"code": str(code()) if code else None, "details": details() if details else str(error)}))
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        join(sys.argv[2], float(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "")
