"""Layers for sequences: embedding, rnn, lstm, gru."""
