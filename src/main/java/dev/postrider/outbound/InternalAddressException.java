package dev.postrider.outbound;

import java.net.UnknownHostException;

/** Says that a host was not connected to because its address is internal, or its port is not one for deliveries. */
final class InternalAddressException extends UnknownHostException {

    InternalAddressException(String host) {
        super(("%s is an internal address, which deliveries do not reach. Use a public address, or have an operator add"
                        + " its network to the setting postrider.outbound.allowed-networks.")
                .formatted(host));
    }

    InternalAddressException(String host, int port) {
        super(
                ("port %d of %s is not one that deliveries may use. Use another, or have an operator add it to the setting"
                                + " postrider.outbound.allowed-ports.")
                        .formatted(port, host));
    }
}
