"""Risk: the limits, the rules, the gate that alone approves, the kill switch and the governor."""
