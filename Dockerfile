# provsync alone in a container; docs/deploy.md. What is copied here is what the build needs, and nothing else:
# scripts/check-packaging builds from exactly these files.
FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY mappings mappings
# A member of the workspace has to have a manifest and a target, also where it is not built.
COPY emulator/Cargo.toml emulator/
COPY emulator/src/lib.rs emulator/src/
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --package provsync --bin provsync && cp target/release/provsync /provsync

# glibc, libgcc and certificates of authorities; no shell. Its user is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="provsync" \
      org.opencontainers.image.description="Keeps a Neo4j graph equal to the provenance graph in SQL Server's SQL Graph tables" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /provsync /usr/local/bin/provsync
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/provsync"]
CMD ["sync"]
