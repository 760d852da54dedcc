"""The proxies that are measured, one per file; FreeInference Edge is the first."""

from .before import Before
from .envoy import Envoy
from .freeinference import FreeInference
from .haproxy import HAProxy
from .nghttpx import Nghttpx
from .nginx import Nginx
from .proxy import Proxy, Setting, Unable
from .sglang_router import SGLangRouter

PROXIES = [FreeInference, Before, HAProxy, Nginx, Nghttpx, Envoy, SGLangRouter]
OURS = FreeInference.name
BEFORE = Before.name

__all__ = ["BEFORE", "OURS", "PROXIES", "Proxy", "Setting", "Unable", *(proxy.__name__ for proxy in PROXIES)]
