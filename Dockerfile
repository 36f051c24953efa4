# Broadsheet in a container: slim, not root, one volume. From the root of a checkout:
#   docker build -t broadsheet .
#   docker build -t broadsheet-fleet --build-arg EXTRAS=fleet .      # with Dask, buckets and Parquet
#   docker run --init --rm -v broadsheet:/data broadsheet fleet run sites.toml

# A release names it by its digest (.github/workflows/release.yml).
ARG BASE=python:3.13-slim
FROM ${BASE} AS build
WORKDIR /src
COPY . .
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
ARG EXTRAS=""
RUN python -m venv /opt/broadsheet && /opt/broadsheet/bin/pip install ".${EXTRAS:+[$EXTRAS]}"

FROM ${BASE}
COPY --from=build /opt/broadsheet /opt/broadsheet
RUN useradd --uid 10001 --create-home broadsheet && install -d -o broadsheet -g broadsheet /data
ENV PATH=/opt/broadsheet/bin:$PATH PYTHONUNBUFFERED=1
# The user broadsheet, by number, so that a host can map it.
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["broadsheet"]
CMD ["--help"]
