package dev.postrider.outbound;

import dev.postrider.queue.MeantForPeople;

/** Says why an attempt to deliver failed; the queue tries again, or keeps a dead letter. */
public final class DeliveryException extends Exception implements MeantForPeople {

    /** @param reason for the people who look at the delivery */
    public DeliveryException(String reason) {
        super(reason);
    }
}
