"""Reading and writing of images: photos, multi-band files, rasters, videos; and drawing on images."""
