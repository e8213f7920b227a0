"""The data engine: images to masks at scale, and the projects in which people and models make them."""
