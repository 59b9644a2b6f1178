"""The machinery of REST. It turns declared endpoints into routes and documentation, and knows no resource."""
