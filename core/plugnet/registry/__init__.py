"""The registry: names -> entry points -> classes -> objects."""

from plugnet.interfaces import Component
from plugnet.registry.discovery import Entry as Entry
from plugnet.registry.discovery import Problem as Problem
from plugnet.registry.facade import Registry as Registry
from plugnet.registry.information import Information as Information
from plugnet.registry.view import View as View

registry = Registry()

Component.specify = registry.spec
