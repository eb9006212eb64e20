package dev.postrider.outbound;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings {@code postrider.outbound.*}.
 *
 * @param allowedNetworks networks in CIDR notation that deliveries may reach although they are internal; default: none
 * @param allowedPorts ports, or ranges of them, that deliveries may use
 * @param proxy what all deliveries go through: {@code http://host:port}, which is asked to CONNECT, or
 *     {@code socks5://host:port}; default: none
 * @param concurrency deliveries to one endpoint at once, by each node, and by all once it is slow, unless the endpoint has
 *     a limit of its own
 * @param disableAfter an endpoint is disabled after so long of nothing but failures
 */
@ConfigurationProperties("postrider.outbound")
public record OutboundSettings(
        @DefaultValue List<String> allowedNetworks,
        @DefaultValue({"80", "443", "1024-65535"}) List<String> allowedPorts,
        URI proxy,
        @DefaultValue("16") int concurrency,
        @DefaultValue("5d") Duration disableAfter) {}
