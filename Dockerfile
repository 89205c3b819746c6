# docker build -t lazaret:0.1.0 .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p lazaret

# For the init container that applies the pod's rules, with nft: docker build --target net -t lazaret-net:0.1.0 .
FROM debian:bookworm-slim AS net
RUN apt-get update \
    && apt-get install -y --no-install-recommends nftables \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/lazaret /usr/local/bin/lazaret
ENTRYPOINT ["/usr/local/bin/lazaret", "net", "setup", "--apply"]

# glibc and libgcc alone: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/lazaret /usr/local/bin/lazaret
# A number, so that `runAsNonRoot` can be checked without a user database.
USER 65532:65532
# 3128 forward proxy and 15053 resolver (loopback), 15006 inbound peers, 15020 health and metrics.
EXPOSE 15006 15020
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/lazaret"]
CMD ["run", "--config", "/etc/lazaret/config/lazaret.yaml"]
