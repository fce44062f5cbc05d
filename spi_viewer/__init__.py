"""SPI Viewer: judges single-particle-imaging diffraction patterns while the run is going on."""

__version__ = "0.1.0"
