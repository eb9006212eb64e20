package dev.postrider.queue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.UUID;

/** Who this node is: an id that is new at every start, and the host for people. */
public record NodeIdentity(String id, String host) {

    static NodeIdentity create() {
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            host = "localhost";
        }
        return new NodeIdentity(host + "-" + UUID.randomUUID().toString().substring(0, 8), host);
    }

    public String getId() {
        return id;
    }

    public String getHost() {
        return host;
    }
}
