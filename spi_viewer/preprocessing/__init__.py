"""Raw counts become network input; training and viewing share these functions."""
