"""Classification accuracy retained: how well a network still names labelled images when units of a layer are zeroed or
scaled, the rest of the network unchanged.
"""
