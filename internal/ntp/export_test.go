package ntp

import "net"

// Port4 is the port that questions to IPv4 addresses leave from.
func (c *Client) Port4() uint16 { return c.v4.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }
