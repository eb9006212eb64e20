package dev.postrider.queue;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings of the queue.
 *
 * @param stuckAfter for how many milliseconds a task must have been due, while a handler of its type on this node had room
 *     and got none, for the node's health to say that the queue is stuck
 */
@ConfigurationProperties("postrider.queue")
public record QueueSettings(@DefaultValue("60000") long stuckAfter) {}
