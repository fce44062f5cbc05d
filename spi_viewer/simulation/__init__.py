"""Diffraction patterns from physics: particles, scattering, beam, detector."""
