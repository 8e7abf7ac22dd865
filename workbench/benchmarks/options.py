"""The options that all readers of published files share, each with its sentence."""

from typing import Annotated

from workbench.plugins.options import PluginName

Annotations = Annotated[str, "The published annotation file or folder."]
Images = Annotated[str | None, "Folder that image paths start from; none: that of the annotations."]
Protocol = Annotated[str, PluginName("metrics"), "Name of the metric set that scores it."]
