"""The proxies that are measured, each in a file of its own; ours first."""

from .envoy import Envoy
from .freeinference import FreeInference
from .haproxy import HAProxy
from .nghttpx import Nghttpx
from .nginx import Nginx
from .proxy import Proxy, Setting, Unable
from .sglang_router import SGLangRouter

PROXIES = [FreeInference, HAProxy, Nginx, Nghttpx, Envoy, SGLangRouter]
OURS = FreeInference.name

__all__ = ["OURS", "PROXIES", "Proxy", "Setting", "Unable", *(proxy.__name__ for proxy in PROXIES)]
