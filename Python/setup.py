"""The part of the build that pyproject.toml cannot say: a wheel for one platform, but for every Python 3."""

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class BinaryDistribution(Distribution):
    """It carries liblacuna, so that it belongs to one platform."""

    def has_ext_modules(self):
        return True


class EveryPython(bdist_wheel):
    """liblacuna is called through ctypes and knows nothing of Python."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(distclass=BinaryDistribution, cmdclass={"bdist_wheel": EveryPython})
