"""The chapters of `CortexSuite`, one file for each thing that people come for."""
