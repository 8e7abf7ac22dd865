"""The generated benchmark: drawn scenes of everyday objects with instructions whose answers follow from the scene."""
