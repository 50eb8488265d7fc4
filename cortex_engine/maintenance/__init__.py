"""Care of a library: the doctor, backup and restore."""
