package dev.postrider;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The settings {@code postrider.limits.*}: what is too large.
 *
 * @param payload of a task or event; 256 KiB by default
 * @param batch of a request that enqueues many tasks; 4 MiB by default
 * @param webhookBody of an inbound webhook; 1 MiB by default
 * @param webhookTime how many milliseconds the body of an inbound webhook may take to come; 10 s by default
 * @param unverifiedReceipts how many receipts a source gets in a minute, on a node, of requests that are not verified; 60 by default
 * @param responseCapture how much of an endpoint's answer is kept; 64 KiB by default
 */
@ConfigurationProperties("postrider.limits")
public record Limits(
        @DefaultValue("256KB") DataSize payload,
        @DefaultValue("4MB") DataSize batch,
        @DefaultValue("1MB") DataSize webhookBody,
        @DefaultValue("10000") long webhookTime,
        @DefaultValue("60") int unverifiedReceipts,
        @DefaultValue("64KB") DataSize responseCapture) {}
