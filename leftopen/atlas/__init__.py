"""The countries of the world as outlines: offline, from vendored files (`atlas.toml`).

Shapely is imported when the first country is asked for, and not before.
"""

from leftopen.atlas.clipping import Bounds
from leftopen.atlas.drawing import Map, project
from leftopen.atlas.lookup import Country, countries, country_codes

__all__ = ["Bounds", "Country", "Map", "countries", "country_codes", "project"]
