pidfile = "{{.Dir}}/prosody.pid"
certificates = "{{.Dir}}"
data_path = "{{.Dir}}/data"
log = { info = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { {{.Ports.client}} }
s2s_ports = { {{.Ports.server}} }
c2s_direct_tls_ports = { {{.Ports.direct}} }
modules_enabled = { "tls", "saslauth", "disco" }
authentication = "internal_hashed"
c2s_require_encryption = true
ssl = { certificate = "{{.Chain}}", key = "{{.Key}}" }

VirtualHost "localhost"
