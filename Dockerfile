# A server on the CPU; docs/serving.md says how to start it.
#   docker build -t cast-serve .
FROM python:3.11-slim

# opencv-python needs these two
RUN apt-get update && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY setup.py pyproject.toml README.md ./
COPY requirements requirements
COPY projects projects
# torch and torchvision for the CPU come from the same place; mmaction2 needs both
RUN pip install --no-cache-dir torch==2.15.0 torchvision==0.29.2 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -e '.[mmcv,serve,audio]'
COPY configs configs
COPY tools tools

RUN useradd --uid 1000 --no-create-home cast
USER cast
ENV HOME=/tmp PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# CONFIG, CHECKPOINT and --token-file follow
ENTRYPOINT ["python", "tools/serve.py", "--host", "0.0.0.0", "--port", "8000"]
