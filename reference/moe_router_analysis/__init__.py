"""Lab 2.4.4: looking into the routers of mixture-of-experts models."""
