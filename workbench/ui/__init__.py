"""The Gradio page: the only room that imports gradio. A folder a screen, and in each the same three files.

`layout` has the components by name and what lays them out (`lay_out_NAME` returns NAMEComponents): nothing
happens there. `events` wires them (`wire_NAME`): what is clicked, in which lane it waits (`lanes.py`), and
which components get what. `desk` does it: plain data in and out, no gradio, so that it can be tested and
served without a page. What a screen shows is made in its `view`, `tables` or `charts`, again plain data;
element trees are in `html/nodes.py`, colours and sizes in `html/tokens.css`. A screen where nothing happens
has no `events`.
"""
