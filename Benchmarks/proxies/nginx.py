"""nginx, from Debian's package, without buffering of request or response bodies."""

import os

from .proxy import STREAM_WINDOW_BYTES, STREAMS_OF_A_CONNECTION, Proxy

CONFIGURATION = """\
daemon off;
{user}worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log error;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    upstream executors {{
        server {address};
        keepalive 1100;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
        http2_max_concurrent_streams {streams};
        http2_body_preread_size {window};
        client_max_body_size 64m;
        client_body_buffer_size 1m;
        location / {{
            proxy_pass http://executors;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}
    }}
}}
"""


class Nginx(Proxy):
    name = "nginx"
    version_arguments = ["-v"]

    def command(self, setting):
        text = CONFIGURATION.format(
            # If root starts nginx, its worker would change to a user that cannot enter the folder.
            user="user root;\n" if os.getuid() == 0 else "",
            folder=setting.folder,
            address=setting.executor_address,
            port=setting.port,
            certificate=setting.certificate,
            key=setting.key,
            streams=STREAMS_OF_A_CONNECTION,
            window=STREAM_WINDOW_BYTES,
        )
        return [self.program, "-p", setting.folder, "-e", "stderr", "-c", self.write(setting, "nginx.conf", text)]
