"""Tables generated from botocore's service models; regenerate with tools/generate_model.py."""
