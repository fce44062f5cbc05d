"""Good frames leave the program: written aside, verified, renamed."""
