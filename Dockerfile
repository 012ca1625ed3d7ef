# tubenet in a container.
#   docker build -t tubenet .                                        for NVIDIA GPUs; it runs on CPUs too
#   docker build -t tubenet --build-arg TORCH_INDEX=ADDRESS .        for CPUs alone, a fifth of the size: ADDRESS is what
#                        https://pytorch.org/get-started/locally shows after --index-url for Linux, pip and CPU
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/data" tubenet segment stack.tif
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE .gitignore ./
COPY tubenet tubenet
COPY bundle bundle
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG TORCH_INDEX=""
# such as [tracking] or [tracking,deploy]
ARG EXTRAS=""
COPY requirements.txt /wheels/
COPY --from=build /wheels /wheels
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --constraint /wheels/requirements.txt --index-url "$TORCH_INDEX" torch; \
    fi \
    && pip install --no-cache-dir --constraint /wheels/requirements.txt "$(echo /wheels/tubenet-*.whl)$EXTRAS"
# whoever it runs as may write its caches
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
ENTRYPOINT ["tubenet"]
CMD ["--help"]
