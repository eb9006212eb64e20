package dev.postrider.queue;

/** An exception whose message the workspace reads as it is: it holds nothing of the inside that was not its own word. */
public interface MeantForPeople {}
