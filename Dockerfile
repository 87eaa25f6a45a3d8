FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt '.[ocr]'

FROM python:3.12-slim
COPY --from=build /venv /venv
RUN useradd --create-home sourcebook && mkdir /data && chown sourcebook /data
USER sourcebook
ENV PATH=/venv/bin:$PATH HF_HUB_OFFLINE=1 SOURCEBOOK_DATA=/data
CMD ["sourcebook", "serve"]
