package dev.postrider.outbound;

import java.net.UnknownHostException;

/** Says that nobody told the addresses of a host in the time that there was. */
final class SlowNameException extends UnknownHostException {

    SlowNameException(String host) {
        super("no name server told the address of %s in time; correct the name, or try again".formatted(host));
    }
}
