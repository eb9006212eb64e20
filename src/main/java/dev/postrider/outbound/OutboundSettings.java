package dev.postrider.outbound;

import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings {@code postrider.outbound.*}.
 *
 * @param allowedNetworks networks in CIDR notation that deliveries may reach although they are internal; default: none
 */
@ConfigurationProperties("postrider.outbound")
public record OutboundSettings(@DefaultValue List<String> allowedNetworks) {}
