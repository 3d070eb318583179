// Package native launches connector processes and supervises them: it starts
// them with nothing but what they need, notices at once when one dies, starts
// sources again where they were, and lets none outlive the host.
package native
