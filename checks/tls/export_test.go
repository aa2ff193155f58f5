package tls

import (
	"net"

	"lapsewatch/watch"
)

// OnMachineWith makes a check believe that these are the addresses of the machine, such
// as 192.0.2.7/24: which ones the machine of a test has is left to chance.
func OnMachineWith(made watch.Check, addresses ...string) {
	made.(*check).families.addresses = func() ([]net.Addr, error) {
		var own []net.Addr
		for _, text := range addresses {
			ip, network, err := net.ParseCIDR(text)
			if err != nil {
				return nil, err
			}
			own = append(own, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		return own, nil
	}
}
