"""The Probe screen: what if the picture or the reasoning were different?"""
