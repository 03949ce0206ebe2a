# liqgrid in a container: `docker compose up` (docker-compose.yml) puts TimescaleDB beside it.

FROM python:3.13-slim AS build
RUN python -m venv /opt/liqgrid
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY liqgrid ./liqgrid
# tzdata: time zones from the wheel, whatever the base image holds.
RUN /opt/liqgrid/bin/pip install --no-cache-dir --disable-pip-version-check . tzdata

FROM python:3.13-slim
RUN useradd --uid 10001 --no-log-init --create-home --home-dir /var/lib/liqgrid liqgrid
COPY --from=build /opt/liqgrid /opt/liqgrid
# Nothing but /tmp needs to be writable: the database is elsewhere (LIQGRID_DSN).
ENV PATH=/opt/liqgrid/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LIQGRID_HOME=/var/lib/liqgrid \
    MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /var/lib/liqgrid
EXPOSE 8000
# http.client and not urllib: a proxy in the environment must not be asked about our own loopback.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["liqgrid"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
