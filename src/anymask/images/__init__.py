"""Image files in and out, by what they hold: photos, bands, rasters, videos; and what is drawn on images."""
