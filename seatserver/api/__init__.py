"""REST: what programs ask over HTTP, and the documents that describe it.

`resources` has one module or folder a resource. It declares the resource's endpoints, with their schemas and examples.
`views` is what several resources show, such as a booking. `shared` turns a declared endpoint into a route and into its
part of the OpenAPI document, and knows no resource. `interface.py` lists the resources; `routes.py` is what `app.py`
mounts. `python -m seatserver.api.documents` writes `openapi.json` and `asyncapi.json`.
"""
