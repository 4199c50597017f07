"""Fixes: neo.Block -> neo.Block, one file for each quirk of a data set; a fix raises when its quirk is absent."""
