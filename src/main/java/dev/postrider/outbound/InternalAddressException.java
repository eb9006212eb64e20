package dev.postrider.outbound;

import java.net.UnknownHostException;

/** Says that a host was not connected to because its address is internal. */
final class InternalAddressException extends UnknownHostException {

    InternalAddressException(String host) {
        super(("%s is an internal address, which deliveries do not reach. Use a public address, or have an operator add"
                        + " its network to the setting postrider.outbound.allowed-networks.")
                .formatted(host));
    }
}
