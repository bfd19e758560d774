# Loaded by every Python under `weir exec` (PYTHONPATH), into programs that are not ours: it says nothing, raises nothing,
# and changes nothing for hosts other than the exchanges'. requests, aiohttp and whatever opens TLS by asyncio find weir
# also where they look at no variable, and every TLS context trusts weir's root, which can vouch for no other host.

import importlib.machinery
import importlib.util
import os
import sys


def _install():
    hosts = frozenset(filter(None, os.environ.get("WEIR_HOSTS", "").split(",")))
    proxy = os.environ.get("HTTPS_PROXY", "")
    with open(os.environ["WEIR_CA_FILE"], encoding="ascii") as file:
        root = file.read()

    def patch_ssl(ssl):
        context = ssl.SSLContext
        load = context.load_verify_locations

        def trusting(original):
            def method(self, *args, **kwargs):
                result = original(self, *args, **kwargs)
                try:
                    load(self, cadata=root)
                except Exception:
                    pass
                return result

            method.__name__ = original.__name__
            method.__doc__ = original.__doc__
            return method

        for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
            setattr(context, name, trusting(getattr(context, name)))

    def patch_requests(sessions):
        from urllib.parse import urlsplit

        send = sessions.Session.send

        def sent(self, request, **kwargs):
            # Proxies that the bot itself has chosen stay.
            chosen = kwargs.get("proxies") or self.proxies
            if not chosen and urlsplit(request.url or "").hostname in hosts:
                kwargs["proxies"] = {"http": proxy, "https": proxy}
            return send(self, request, **kwargs)

        sessions.Session.send = sent

    def patch_aiohttp(client):
        request = client.ClientSession._request

        async def requested(self, method, url, **kwargs):
            try:
                chosen = kwargs.get("proxy") or getattr(self, "_default_proxy", None)
                if not chosen and self._build_url(url).host in hosts:
                    kwargs["proxy"] = proxy
            except Exception:
                pass
            return await request(self, method, url, **kwargs)

        client.ClientSession._request = requested

    def patch_urllib3(connectionpool):
        from socket import IPPROTO_TCP, TCP_NODELAY

        init = connectionpool.HTTPConnectionPool.__init__

        def made(self, *args, **kwargs):
            init(self, *args, **kwargs)
            # Towards proxies urllib3 leaves Nagle's algorithm on: a body then waits for the acknowledgement of its head.
            if self.proxy is not None and self.host in hosts and self.conn_kw.get("socket_options") == []:
                self.conn_kw["socket_options"] = [(IPPROTO_TCP, TCP_NODELAY, 1)]

        connectionpool.HTTPConnectionPool.__init__ = made

    def patch_asyncio(base_events):
        create = base_events.BaseEventLoop.create_connection

        async def created(self, factory, host=None, port=None, *, ssl=None, sock=None, **kwargs):
            if ssl and sock is None and host in hosts and port == 443:
                kwargs["server_hostname"] = kwargs.get("server_hostname") or host
                sock = await self.run_in_executor(None, _tunnel, proxy, host)
                host = port = None
            return await create(self, factory, host, port, ssl=ssl, sock=sock, **kwargs)

        base_events.BaseEventLoop.create_connection = created

    patches = {"ssl": patch_ssl}
    if proxy:
        patches["requests.sessions"] = patch_requests
        patches["aiohttp.client"] = patch_aiohttp
        patches["urllib3.connectionpool"] = patch_urllib3
        patches["asyncio.base_events"] = patch_asyncio
    for name in [name for name in patches if name in sys.modules]:
        patches.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, _AfterImport(patches))


def _tunnel(proxy, host):
    """A socket that leads to the host through weir (RFC 9110, section 9.3.6)."""
    import socket
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit

    way = urlsplit(proxy)
    sock = socket.create_connection((way.hostname, way.port or 80), timeout=10)
    try:
        user = "%s:%s" % (unquote(way.username or ""), unquote(way.password or ""))
        word = b64encode(user.encode()).decode()
        head = "CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\nProxy-Authorization: Basic {1}\r\n\r\n".format(host, word)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            piece = sock.recv(1024)
            if not piece:
                raise ConnectionError("weir closed the connection")
            answer += piece
        if answer.split(b" ", 2)[1] != b"200":
            raise ConnectionError("weir refused the tunnel: %s" % answer.split(b"\r\n", 1)[0].decode())
        sock.setblocking(False)
        return sock
    except Exception:
        sock.close()
        raise


class _AfterImport:
    """Patches a module once it has been loaded; what nobody imports is not imported for it."""

    def __init__(self, patches):
        self._patches = patches

    def find_spec(self, name, path=None, target=None):
        patch = self._patches.pop(name, None)
        if patch is None:
            return None
        try:
            spec = importlib.util.find_spec(name)
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                try:
                    patch(module)
                except Exception:
                    pass

            spec.loader.exec_module = exec_module
            return spec
        except Exception:
            return None


def _chain():
    """Runs the sitecustomize that this one stands in front of."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    _install()
except Exception:
    pass
_chain()
