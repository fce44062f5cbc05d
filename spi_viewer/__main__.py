"""`spi-viewer` and `python -m spi_viewer`."""

from spi_viewer.cli import main

if __name__ == "__main__":
    main()
