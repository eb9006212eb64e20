package dev.postrider.mail;

import dev.postrider.queue.MeantForPeople;
import jakarta.mail.MessagingException;

/** Says why an attempt to send a mail failed; the queue tries again. */
public class MailException extends MessagingException implements MeantForPeople {

    private static final long serialVersionUID = 1L;

    /** @param reason for the people who look at the task; holds no password, and nothing of the mail but its addresses */
    public MailException(String reason) {
        super(reason);
    }

    /** @param cause for the log */
    MailException(String reason, Exception cause) {
        super(reason, cause);
    }
}
