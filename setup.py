"""CAST for MMAction2."""
import shutil
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithConfigs(build_py):
    """Puts configs and tools into the package, below ``.mim`` as OpenMMLab's packages have them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'projects/cast/.mim'
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        for folder in ('configs', 'tools'):
            # the shell scripts work on the folder that they lie in, which must be a checkout
            skipped = shutil.ignore_patterns('__pycache__', '*.sh')
            shutil.copytree(ROOT / folder, target / folder, ignore=skipped)
        shutil.copy(ROOT / 'model-index.yml', target)


setup(
    name='cast-mmaction2',
    version='0.2.0',
    description='CAST: Cross-Attention in Space and Time for video action recognition, in MMAction2',
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    cmdclass=dict(build_py=BuildWithConfigs),
    py_modules=['cast_mmaction2'],
    packages=find_namespace_packages(include=['projects.cast', 'projects.cast.*']),
    package_data={'projects.cast': ['datasets/label_maps/*.txt', 'py.typed']},
    python_requires='>=3.10,<3.14',
    install_requires=[
        'mmaction2==1.2.0',
        'mmengine>=0.10.5,<0.12',
        'mmpretrain>=1.2.0,<2',
        'torch>=2.6',  # before 2.6 a file could run code in spite of weights_only (CVE-2025-32434)
        'torchvision>=0.21',
        'decord>=0.6.0; platform_machine in "x86_64 AMD64"',  # no wheels for ARM: decoder='pyav'
        'open_clip_torch>=2.24,<4',
        'timm>=1.0.9,<2',
        'einops',
        'huggingface_hub>=0.27',
        'pyyaml',
        'numpy>=1.23,<3',
        'safetensors',
        'setuptools<82',  # mmengine's `mmaction::` config inheritance needs pkg_resources
    ],
    extras_require={
        # mmcv-lite owns the same folder as a compiled mmcv, so it is asked for, never implied
        'mmcv': ['mmcv-lite>=2.0.1,<2.2'],
        'vis': ['tensorboard'],
        'data': ['av>=15'],  # it must tell the rotation of a frame
        'extract': ['pyarrow>=21'],
        'ray': ['pyarrow>=21', 'ray[data]>=2.60'],
        'app': ['av>=15', 'gradio>=6.31,<7'],  # 5 requests scripts from other hosts
        'audio': ['av>=15', 'transformers>=4.50', 'h5py'],
        'export': ['av>=15', 'onnx>=1.18', 'onnxscript>=0.5', 'onnxruntime>=1.22', 'torchao>=0.18'],
        'serve': ['av>=15', 'fastapi>=0.115', 'uvicorn>=0.30', 'python-multipart>=0.0.18'],
        'tests': [
            'av>=15', 'torchcodec', 'transformers>=4.50', 'h5py', 'pyarrow>=21', 'fastapi>=0.115',
            'uvicorn>=0.30', 'python-multipart>=0.0.18', 'gradio>=6.31,<7', 'playwright', 'ray[data]>=2.60',
            'onnx>=1.18', 'onnxscript>=0.5', 'onnxruntime>=1.22', 'torchao>=0.18', 'tensorboard',
            'scikit-learn', 'pytest', 'ruff', 'mypy'],
    },
)
